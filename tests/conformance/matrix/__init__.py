"""Bad input by the thousand: every argument by every type by values at their limits.

A case is one conversation with one outcome, a line of text. RabbitMQ's outcomes are kept in
`transcripts/matrix_*.json`; ours have to be the same but for the deviations, which are listed one
by one with their reasons.
"""
