"""What a session remembers, a link carries and the browser told: nothing else touches the session state."""
