"""How the demonstration model was made: data, recipe, adapters, training, cross-validation."""
