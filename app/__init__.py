"""The browser app: choose, run, show. All computing is done by `mta_core`."""
