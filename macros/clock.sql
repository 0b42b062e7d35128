{# The moment at which a clock that shows `hhmm` (such as 905 or 2400) is on `day`. #}
{% macro at_clock(day, hhmm) -%}
{{ day }} + to_minutes({{ hhmm }} // 100 * 60 + {{ hhmm }} % 100)
{%- endmacro %}
