"""What every form of claim stands on: what a form is, what trials measured, what noise allows."""
