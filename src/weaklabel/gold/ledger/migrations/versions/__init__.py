"""One file a version; each names the version before it, and is never changed once it was released."""
