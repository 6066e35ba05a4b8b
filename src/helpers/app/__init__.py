"""The web app: one dialogue or a batch, asked, logged and shown."""
