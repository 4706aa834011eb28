"""The shared vocabulary: frozen records and pure rules. Knows no other layer."""
