"""The codes of dashboards and of the pages that show them."""

from __future__ import annotations

from sqlpipe.domain.code import Code

PAGES = (
    Code(
        "SP701",
        "fence never closed",
        "A page of a dashboard opens a fence, of SQL, a chart or anything else, and never closes it, so that all that "
        "follows would be part of it.",
        "```sql weekly\nselect week, delay from marts.weekly\n\n```chart",
        "Close the fence with a line of its marks and nothing else: three backticks.",
    ),
    Code(
        "SP702",
        "block of SQL without a name of its own",
        "Charts and filters speak of the blocks of a page by their names, so each needs one: a word of letters, digits "
        "and `_` that no other block of the page has, letter case aside.",
        "```sql\nselect 1\n```",
        "Write the name behind the language: ```sql weekly. To show SQL without running it, write ```text.",
    ),
    Code(
        "SP703",
        "unknown block",
        "A chart or a filter takes its rows from a block that is not on the page, or a chart names none and there is "
        "none above it.",
        "```chart\ndata: wekly\ntable: all\n```",
        "Take the name that the help line suggests, or write the block.",
    ),
    Code(
        "SP704",
        "chart that shows nothing, or two things",
        "A chart has exactly one mark, such as `line`, `table` or `value`, which says how the rows are shown.",
        "title: Delay by week\nbar: {x: week, y: delay}\nline: {x: week, y: delay}",
        "Write a chart for each mark.",
    ),
    Code(
        "SP705",
        "format of a number or a time that is none",
        "Formats are those which Python and d3 read alike: `,` for thousands, `.N` digits and one of `f`, `%`, `d`, "
        "`e` or `g`; or the directives of a time, such as `%Y-%m-%d`.",
        "value: {field: revenue, format: 0.00}",
        'Write `",.2f"`, `".1%"`, `",d"` or `"%d %b %Y"`, in quotes.',
    ),
    Code(
        "SP706",
        "filter that means nothing",
        "A filter says what can be chosen by one of `select`, `dates` and `search`; its name is a lower case word, for "
        "it is a placeholder in SQL; and it is used, by its `column` or by its placeholder.",
        "filters:\n  carrier: {label: Airline}",
        "Mend what the message names: `carrier: {select: carriers, column: carrier}`.",
    ),
    Code(
        "SP707",
        "chart that fetches data from elsewhere",
        "A specification of `vega` has a `url` in its data. Pages show the rows of their blocks and ask nobody else, "
        "so that they show the same to everybody.",
        "vega: {data: {url: https://example.org/cars.json}, mark: bar}",
        "Read the file with a query (`select * from 'cars.json'`), and show its rows.",
    ),
    Code(
        "SP708",
        "choice that a filter does not have",
        "The address of a dashboard chooses something in a filter that is not there to choose, such as a value that is "
        "none of the list or a day that is none. The page shows what it shows at first.",
        "/dashboards/dashboards.delays?carrier=XX",
        "Choose on the page; the address follows.",
    ),
    Code(
        "SP711",
        "query that does more than look",
        "Queries on the page and over HTTP read tables and views of the database, and nothing else: no files, no "
        "settings, no functions that reach outside, and no statements that change something.",
        "select * from read_csv('/etc/passwd')",
        "Read a table. What is in a file is brought in by a model or an ingest of the project; what a person at the "
        "machine may do is done with `sqlpipe show --sql`.",
    ),
    Code(
        "SP712",
        "query whose answer takes too long or is too large",
        "A query may take ten seconds (one of a dashboard thirty) and its answer twenty megabytes, "
        "so that one reader does not keep all others from their work.",
        "select * from a, b, c",
        "Ask for fewer rows or columns, or write a model that prepares them.",
    ),
    Code(
        "SP713",
        "too many queries at once",
        "As many queries as the server answers at a time are being answered.",
        "GET /api/query?sql=...",
        "Ask again in a moment.",
    ),
    Code(
        "SP720",
        "folder of the site that holds something else",
        "`sqlpipe site` replaces the folder that it writes to. It takes one that is not there yet, an empty one, or "
        "one that it has written before.",
        "sqlpipe site .",
        "Name a folder of its own, such as `public`.",
    ),
    Code(
        "SP721",
        "site that cannot be written",
        "The folder for the site, or the one above it, cannot be written. The site that was there is as it was.",
        "sqlpipe site /root/public",
        "Name a folder that this user may write to, and see that there is room.",
    ),
)
