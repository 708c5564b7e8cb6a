"""What every verb says with: options that all share, output, JSON documents, a bug."""
