"""``helpers bench``: how fast each engine computes BART-large here, beside what the machine itself allows.

`model` makes what is computed and what it reads, `work` counts operations and bytes, `machine` measures the limits,
`rounds` asks every engine in turn, `result` is what is written, `bars` are the promises it is held to.
"""
