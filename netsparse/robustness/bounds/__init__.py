"""What is certain about the activations of a model for a whole set of images: the parts under `certified`."""
