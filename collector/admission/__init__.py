"""Who is let in, how often and how much: limits of rate per device and per network, and patience with connections."""
