"""What was asked: params.yaml as frozen, checked dataclasses, and the named model presets."""
