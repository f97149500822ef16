"""Says no: each gate is one reason to refuse an upload or a client."""
