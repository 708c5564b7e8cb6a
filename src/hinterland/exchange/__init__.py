"""Records that go to another machine, and come from one: packed, unpacked, looked through, taken in."""
