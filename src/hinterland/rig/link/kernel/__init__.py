"""What a link asks of the kernel: namespaces' devices, addresses, queues, settings."""
