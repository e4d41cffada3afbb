#include "extract/template.h"

#include <gtest/gtest.h>

#include "extract/template_functions.h"
#include "io/file_system.h"

namespace millrace::extract {
namespace {

TemplateValues Sample() {
  return {.logical_date = TimestampUs(1'767'225'600'000'000),         // 2026-01-01T00:00:00Z
          .data_interval_start = TimestampUs(1'772'280'896'250'000),  // 2026-02-28T12:14:56.250Z
          .data_interval_end = TimestampUs(-1),
          .cursor = "a b&c",
          .dag_id = "Users",
          .run_id = "run/1",
          .task_id = "t",
          .try_number = "3",
          .params = {{"x", " {{ cursor }} "}}};
}

std::string Render(std::string_view text) {
  const auto parsed = Template::Parse(text);
  return parsed ? parsed->Render(Sample()) : parsed.error().message;
}

TEST(Template, RendersVariablesAndFunctions) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"plain { text }", "plain { text }"},
      {"{{logical_date}}", "2026-01-01T00:00:00Z"},
      {"{{ data_interval_start }}", "2026-02-28T12:14:56.250Z"},
      {"{{ data_interval_end }}", "1969-12-31T23:59:59.999999Z"},
      {"{{ data_interval_start | add('1d') | date }}", "2026-03-01"},
      {"{{ logical_date | add('-1ms') | format('%Y/%m/%d %H:%M:%S.%3 %% %s') }}",
       "2025/12/31 23:59:59.999 % 1767225599"},
      {"{{ data_interval_start | start_of('month') }}", "2026-02-01T00:00:00Z"},
      {"{{ data_interval_start | start_of('minute') | epoch_s }}", "1772280840"},
      {"{{ data_interval_start | epoch_ms }}", "1772280896250"},
      {"{{ data_interval_end | epoch_ms }}", "-1"},
      {"[{{ cursor | url }}]", "[a%20b%26c]"},
      {"{{ cursor | replace('b', 'xx') | upper }}", "A XX&C"},
      {"{{ dag_id | lower }}.{{ try_number }}", "users.3"},
      {"{{ params.none | default('d') }}{{ params.none }}", "d"},
      {"{{ params.x }}", " {{ cursor }} "},  // a value is never parsed
      {"{{ params.x | trim | first(4) }}", "{{ c"},
      {"{{ params.none | default(\"it's\") | json }}", "it's"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(Render(text), expected) << text;
}

TEST(Template, MistakesHaveAColumn) {
  const std::pair<const char*, const char*> cases[] = {
      {"x{{ now }}", "column 5: no variable 'now'"},
      {"{{ cursor", "column 4: '{{' is not closed"},
      {"{{ cursor | shell('x') }}", "column 13: no function 'shell'"},
      {"{{ cursor | date }}", "column 13: 'date' takes a time, not a text"},
      {"{{ logical_date | lower }}", "column 19: 'lower' takes a text, not a time"},
      {"{{ logical_date | add }}", "column 19: 'add' takes 1 arguments, not 0"},
      {"{{ logical_date | add('5 minutes') }}", "column 19: 'add' cannot take '5 minutes'"},
      {"{{ logical_date | add('99999999999999999w') }}", "cannot take"},
      {"{{ logical_date | format('%Q') }}", "cannot take '%Q'"},
      {"{{ logical_date | format('%') }}", "cannot take '%'"},
      {"{{ cursor | replace('', 'x') }}", "cannot take"},
      {"{{ cursor | default('x }}", "column 21: the quote is not closed"},
      {"{{ cursor | default('x' }}", "column 25: expected ',' or ')'"},
      {"{{ cursor upper }}", "column 11: expected '|' or '}}'"},
      {"{{ params. }}", "no variable 'params.'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_NE(Render(text).find(expected), std::string::npos) << text << " -> " << Render(text);
}

TEST(Template, EveryDocumentedExampleHolds) {
  auto values = Sample();
  values.logical_date = TimestampUs(1'769'848'200'250'000);  // 2026-01-31T08:30:00.250Z
  values.params = {{"name", "Ada & Bob"}, {"padded", " x "}, {"quoted", "say \"hi\""}};
  for (const TemplateFunction& function : TemplateFunctions()) {
    const size_t arrow = function.example.find(" => ");
    ASSERT_NE(arrow, std::string_view::npos) << function.name;
    const auto parsed = Template::Parse(function.example.substr(0, arrow));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->Render(values), function.example.substr(arrow + 4)) << function.name;
  }
}

TEST(Template, ParametersAreGivenOrHaveADefault) {
  std::set<std::string> needed;
  Template::Parse("{{ params.a }}{{ params.b | upper | default('x') }}{{ run_id }}")
      ->AddNeededParams(needed);
  EXPECT_EQ(needed, std::set<std::string>{"a"});
  EXPECT_TRUE(CheckParams(needed, {{"a", ""}}));
  const Status missing = CheckParams(needed, {{"b", "1"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(missing.error().message, "params.a is not given");
}

TEST(TemplatesReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/templates.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == TemplatesReference())
      << "run: millrace schema --templates > docs/reference/templates.md";
}

TEST(Template, EncodesInsertedValuesOnlyForUrls) {
  const auto url = Template::Parse("https://h/a b/{{ run_id }}?c={{ cursor }}");
  EXPECT_EQ(url->Render(Sample(), Template::Encoding::kUrl), "https://h/a b/run%2F1?c=a%20b%26c");
  EXPECT_TRUE(url->uses_cursor());
  EXPECT_FALSE(Template::Parse("{{ run_id }} cursor")->uses_cursor());
}

}  // namespace
}  // namespace millrace::extract
