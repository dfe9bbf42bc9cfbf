"""Commands of ``maille collector`` that stand in modules of their own."""
