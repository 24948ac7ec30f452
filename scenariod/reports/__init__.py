"""The report: what an author asks of the library, in numbers, on a page, and to browse.

- `analytics`: the document `analytics.json`
- `attention`: what needs a person
- `batches`: what batches took
- `builder`: the process that makes the report
- `counting`: count the library, page by page
- `facts`: what the report wants to know of one scenario
- `folder`: where the report's files are, and what they are called
- `known`: the fallacies that a library may be expected to teach
- `part`: what is counted over some scenarios
- `tallies`: counters that add up and stay small
- `voiced`: which voices of a scenario are there
- `words`: what can be counted in a text
"""
