"""What every form of claim stands on: what a form is, what trials measured, and how far noise lets them speak."""
