"""What runs the steps: configuration, file names, command lines, costs."""
