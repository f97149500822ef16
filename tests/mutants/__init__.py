"""Mutation testing of `security/` and `errors/` (cosmic-ray): would a test miss what changed?"""
