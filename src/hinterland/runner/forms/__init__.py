"""One module a family of claim forms: trials -> evidence. Pure; the statistics stand in `statistics`."""
