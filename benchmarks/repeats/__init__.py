"""Ten runs of each experiment: does any verdict flip?"""
