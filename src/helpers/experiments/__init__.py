"""What each page measures: one module per notebook, from requests to a typed result; nothing here draws."""
