"""The report: what an author asks of the library, in numbers, on a page, and to browse.

- `analytics`: the document `analytics.json`
- `attention`: what needs a person
- `batches`: what batches took
- `browse`: the pages with the scenarios themselves
- `builder`: the process that makes the report
- `charts`: the geometry of the charts
- `counting`: count the library, page by page
- `display`: a scenario as its page shows it
- `facts`: what the report wants to know of one scenario
- `folder`: where the report's files are, and what they are called
- `html`: from templates to HTML, in which users' text is only text
- `index`: the page `index.html`
- `known`: the fallacies that a library may be expected to teach
- `listing`: where each scenario is, by id, right answer, pack
- `making`: have the report made, by a limited process
- `part`: what is counted over some scenarios
- `serving`: serve the report to browsers of this machine
- `tallies`: counters that add up and stay small
- `voiced`: which voices of a scenario are there
- `words`: what can be counted in a text
"""
