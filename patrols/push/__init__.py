"""Web push: where a message may go, how it is sealed, how it is handed over. No Django here."""
