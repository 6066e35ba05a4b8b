"""The verbs of ``python -m helpers``, one module each: ``add_arguments`` and ``run``, nothing that others import."""
