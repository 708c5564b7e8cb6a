"""Claims: what an experiment says beforehand, the forms it may say it in, and the judge. Pure.

A form is one module of `forms`; `form.Form` says what each must answer.
"""
