// The metrics page, read by the rules of `promtool check metrics`.
#include <charconv>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "api/metrics/exposition.h"
#include "api/rest/testing_pipeline.h"
#include "io/file_system.h"

namespace millrace::api {
namespace {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};
struct Family {
  std::string help;
  std::string type;
  std::vector<Sample> samples;
};

// Reads text format 0.0.4 strictly; every deviation fails the test.
class Reader {
 public:
  std::map<std::string, Family> Read(const std::string& page) {
    EXPECT_TRUE(page.ends_with('\n'));
    for (size_t at = 0; at < page.size();) {
      const size_t end = page.find('\n', at);
      Line(page.substr(at, end - at));
      at = end + 1;
    }
    return std::move(families_);
  }

 private:
  void Line(const std::string& line) {
    std::smatch match;
    static const std::regex kHelp("# HELP ([a-z_]+) (.+)");
    static const std::regex kType("# TYPE ([a-z_]+) (counter|gauge|histogram)");
    static const std::regex kSample(R"re(([a-z_]+)(?:\{(.*)\})? ([^ ]+))re");
    if (std::regex_match(line, match, kHelp)) {
      EXPECT_FALSE(families_.contains(match[1])) << "two families of one name: " << line;
      current_ = match[1];
      families_[current_].help = match[2];
    } else if (std::regex_match(line, match, kType)) {
      EXPECT_EQ(match[1], current_) << "TYPE must follow its HELP";
      EXPECT_TRUE(families_[current_].samples.empty());
      families_[current_].type = match[2];
    } else if (std::regex_match(line, match, kSample)) {
      Sample sample{match[1], Labels(match[2]), Number(match[3])};
      EXPECT_TRUE(IsOf(sample.name, families_[current_])) << line << " stands below " << current_;
      EXPECT_TRUE(places_.emplace(sample.name, sample.labels).second) << "twice: " << line;
      families_[current_].samples.push_back(std::move(sample));
    } else {
      ADD_FAILURE() << "no line of the format: " << line;
    }
  }
  bool IsOf(const std::string& name, const Family& family) const {
    if (family.type != "histogram") return name == current_;
    return name == current_ + "_bucket" || name == current_ + "_sum" || name == current_ + "_count";
  }
  static double Number(const std::string& text) {
    if (text == "+Inf") return INFINITY;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    EXPECT_TRUE(error == std::errc() && end == text.data() + text.size()) << text;
    return number;
  }
  static std::map<std::string, std::string> Labels(std::string text) {
    std::map<std::string, std::string> labels;
    static const std::regex kLabel(R"re(^([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$))re");
    std::smatch match;
    while (!text.empty() && std::regex_search(text, match, kLabel)) {
      EXPECT_TRUE(labels.emplace(match[1], match[2]).second) << text;
      text = match.suffix();
    }
    EXPECT_EQ(text, "") << "no label";
    return labels;
  }

  std::map<std::string, Family> families_;
  std::string current_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> places_;
};

// Buckets rise, the last is +Inf and equals the count.
void CheckHistogram(const std::string& name, const Family& family) {
  std::map<std::string, double> counts;
  std::map<std::string, std::pair<double, double>> last;  // bound, cumulative count
  const auto rest = [](std::map<std::string, std::string> labels) {
    labels.erase("le");
    std::string text;
    for (const auto& [label, value] : labels) text += label + "=" + value + ",";
    return text;
  };
  for (const Sample& sample : family.samples) {
    const std::string labels = rest(sample.labels);
    if (sample.name.ends_with("_count")) counts[labels] = sample.value;
    if (!sample.name.ends_with("_bucket")) continue;
    const std::string& le = sample.labels.at("le");
    const double bound = le == "+Inf" ? INFINITY : std::stod(le);
    const auto found = last.find(labels);
    if (found != last.end()) {
      EXPECT_GT(bound, found->second.first) << name;
      EXPECT_GE(sample.value, found->second.second) << name;
    }
    last[labels] = {bound, sample.value};
  }
  EXPECT_EQ(last.size(), counts.size());
  for (const auto& [labels, end] : last) {
    EXPECT_EQ(end.first, INFINITY) << name;
    EXPECT_EQ(end.second, counts[labels]) << name;
  }
}

double ValueOf(const std::map<std::string, Family>& families, const std::string& family,
               const std::string& sample) {
  double sum = 0;
  const auto found = families.find(family);
  if (found == families.end()) {
    ADD_FAILURE() << "no " << family;
    return sum;
  }
  for (const Sample& one : found->second.samples) sum += one.name == sample ? one.value : 0;
  return sum;
}

TEST(MetricTable, FollowsTheConventions) {
  std::set<std::string_view> names;
  for (const MetricFamily& family : AllMetrics()) {
    const std::string name(family.name);
    EXPECT_TRUE(names.insert(family.name).second) << name;
    EXPECT_TRUE(std::regex_match(name, std::regex("(process|millrace)_[a-z_]*[a-z]"))) << name;
    EXPECT_EQ(name.ends_with("_total"), family.type == MetricType::kCounter) << name;
    for (const char* suffix : {"_count", "_sum", "_bucket", "_info"})
      EXPECT_FALSE(name.ends_with(suffix)) << name;
    EXPECT_FALSE(std::regex_search(
        name, std::regex("millis|micros|_ms\\b|minutes|hours|kilobytes|_kb|percent|counter|gauge")))
        << name;
    const std::string base = name.substr(0, name.rfind("_total"));
    if (family.unit == "seconds" || family.unit == "bytes") {
      EXPECT_TRUE(base.ends_with("_" + std::string(family.unit))) << name;
    }
    EXPECT_TRUE(family.help.ends_with('.')) << name;
    EXPECT_EQ(family.help.find_first_of("\n\\"), std::string_view::npos) << name;
  }
}

TEST(Metrics, OfAPipelineAtWorkAreValidAndTellTheTruth) {
  rest::TestingPipeline pipeline;
  pipeline.Append({{"a", R"({"id":"a","n":1})", {}},
                   {"b", R"({"id":"b","n":2})", {}},
                   {"c", R"({"id":"c","n":5000})", {}}});
  const rest::TestReply reply = pipeline.Ask("GET", "/metrics");
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto families = Reader().Read(reply.body);
  for (const auto& [name, family] : families) {
    EXPECT_FALSE(family.samples.empty()) << name;
    if (family.type == "histogram") CheckHistogram(name, family);
  }
  const auto value = [&](const std::string& name) { return ValueOf(families, name, name); };
  EXPECT_EQ(value("millrace_query_records_in_total"), 3);
  EXPECT_EQ(value("millrace_query_rejected_total"), 1);
  EXPECT_EQ(value("millrace_query_rows_out_total"), 2);
  EXPECT_EQ(value("millrace_query_lag_records"), 0);
  EXPECT_EQ(value("millrace_query_up"), 1);
  EXPECT_EQ(ValueOf(families, "millrace_query_append_to_row_seconds",
                    "millrace_query_append_to_row_seconds_count"),
            3);
  EXPECT_GT(ValueOf(families, "millrace_log_sync_seconds", "millrace_log_sync_seconds_count"), 0);
  EXPECT_GT(value("millrace_log_appended_bytes_total"), 0);
  EXPECT_GT(value("millrace_disk_free_bytes"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_start_time_seconds"), 1.5e9);
  EXPECT_GT(value("process_open_fds"), 3);
}

TEST(Metrics, WithoutAPipelineAreOfTheProcess) {
  const auto families = Reader().Read(MetricsText(MetricsSource::Of(nullptr)));
  for (const auto& [name, family] : families) EXPECT_TRUE(name.starts_with("process_")) << name;
  EXPECT_FALSE(families.empty());
}

TEST(Readiness, NamesEachPart) {
  rest::TestingPipeline pipeline;
  const rest::TestReply verbose = pipeline.Ask("GET", "/readyz?verbose");
  EXPECT_EQ(verbose.status, 200);
  for (const char* part : {"[ok] pipeline\n", "[ok] log\n", "[ok] tables: 1\n", "[ok] schedule\n",
                           "[ok] query double\n", "\nready\n"}) {
    EXPECT_NE(verbose.body.find(part), std::string::npos) << part << verbose.body;
  }
  EXPECT_EQ(pipeline.Ask("GET", "/readyz").body, "ready\n");
  EXPECT_EQ(pipeline.Ask("GET", "/livez").status, 200);
  pipeline.doors().SetRunner(nullptr);
  EXPECT_EQ(pipeline.Ask("GET", "/readyz").status, 503);
  EXPECT_EQ(pipeline.Ask("GET", "/livez").status, 200);
}

TEST(MetricsReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/metrics.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == MetricsReference())
      << "run: millrace schema --metrics > docs/reference/metrics.md";
}

}  // namespace
}  // namespace millrace::api
