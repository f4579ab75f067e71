"""The handlers of subresources that act: each module answers some, and `install` registers its handlers."""
