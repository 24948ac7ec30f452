"""Words: what is written with digits, signs and capitals, as it is said.

- `abbreviations`: abbreviations, slang, capitals and stretched letters
- `addresses`: URLs, e-mail addresses, hashtags and other names of the net
- `amounts`: ranges, measures, fractions and all other numbers
- `markup`: what is written but not said
- `moments`: telephone numbers, dates, times and years
- `money`: amounts of money
- `numbers`: numbers in words
- `symbols`: every character as one that can be spoken
"""
