"""HTTP/1.1, a connection kept or a new one each time, one after the other or pipelined."""
