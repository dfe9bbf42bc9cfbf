"""What the benchmark of intake is made of: readings, devices, a database, the load, and the obvious alternative."""
