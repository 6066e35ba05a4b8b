"""The texts a run works on: dialogues with references, files of predictions, prompts."""
