"""Changing documents: JSON patch, merge patch, strategic merge patch, server-side apply, and who set which field."""
