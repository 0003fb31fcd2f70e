"""How alike two representations of the same frames are: CCA, CKA and their kin."""
