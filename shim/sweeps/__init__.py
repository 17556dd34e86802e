"""Work in the background, done by `passerelle sweep`: the actions of lifecycle rules."""
