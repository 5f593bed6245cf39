"""A force that does not exist, with everything known about it: streams to read, and the truth beside."""
