"""The paper's prompter: a set of learnt queries, matched one to one with the labelled parts."""
