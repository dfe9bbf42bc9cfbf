"""The commands of ``maille collector``, each group in its module."""
