#include "extract/spec.h"

#include <cstdlib>

#include "io/file_system.h"

namespace millrace::extract {
namespace {

constexpr uint64_t kSecretBytesMax = 64 << 10;

// Understands a spec and notes every mistake on the way.
class Compiler {
 public:
  explicit Compiler(HttpSourceSpec spec) { source_.spec = std::move(spec); }

  HttpSource Run() {
    const HttpSourceSpec& spec = source_.spec;
    ReadRequest(spec);
    ReadTemplates(spec);
    ReadPath("select", spec.select, source_.select);
    ReadRecordPath("key", spec.key, source_.key);
    ReadRecordPath("cursor.path", spec.cursor.path, source_.cursor);
    for (const std::string& range : spec.allow_private) ReadRange(range);
    CheckAuth(spec.auth);
    CheckPaginate(spec.paginate);
    CheckCommits(spec);
    CheckLimits(spec);
    return std::move(source_);
  }
  std::vector<SpecMistake> TakeMistakes() { return std::move(mistakes_); }

 private:
  void Note(std::string setting, std::string message) {
    mistakes_.push_back({std::move(setting), std::move(message)});
  }
  void Require(bool holds, std::string_view setting, std::string_view message) {
    if (!holds) Note(std::string(setting), std::string(message));
  }

  void ReadRequest(const HttpSourceSpec& spec) {
    if (spec.url.empty()) return Note("url", "an HTTP source needs a url");
    Require(!spec.topic.empty(), "topic", "an HTTP source needs the topic its records go to");
    Require(spec.method == "GET" || spec.method == "POST", "method", "is GET or POST");
    Require(spec.body.empty() || spec.method == "POST", "body", "only a POST has a body");
    Require(spec.redirects >= 0 && spec.redirects <= 5, "redirects", "is 0 to 5");
  }

  void ReadTemplates(const HttpSourceSpec& spec) {
    ReadTemplate("url", spec.url, source_.url);
    ReadTemplate("body", spec.body, source_.body);
    for (const auto& [name, text] : spec.headers) {
      if (!io::IsValidHeader({name, ""})) Note("headers." + name, "is not the name of a header");
      source_.headers.emplace_back(name, Template());
      ReadTemplate("headers." + name, text, source_.headers.back().second);
    }
    for (const auto& [name, text] : spec.query) {
      source_.query.emplace_back(name, Template());
      ReadTemplate("query." + name, text, source_.query.back().second);
    }
    CheckSampleUrl(spec);
  }
  void ReadTemplate(const std::string& setting, const std::string& text, Template& to) {
    auto parsed = Template::Parse(text);
    if (!parsed) return Note(setting, parsed.error().message);
    to = std::move(*parsed);
  }
  // The URL with every inserted value "x": what stands around them must be a URL.
  void CheckSampleUrl(const HttpSourceSpec& spec) {
    if (spec.url.empty() || !mistakes_.empty()) return;
    const TemplateValues sample{.logical_date = {},
                                .data_interval_start = {},
                                .data_interval_end = {},
                                .cursor = "x",
                                .dag_id = "x",
                                .run_id = "x",
                                .task_id = "x",
                                .try_number = "1",
                                .params = {}};
    const auto url = io::ParseHttpUrl(source_.url.Render(sample, Template::Encoding::kUrl));
    if (!url) return Note("url", url.error().message);
    if (url->scheme == "http" && !spec.allow_http && spec.allow_private.empty())
      Note("url", "plain http is only allowed with allow_http, or to a range of allow_private");
  }

  void ReadPath(const std::string& setting, const std::string& text, data::JsonPath& to) {
    auto parsed = data::JsonPath::Parse(text);
    if (!parsed) return Note(setting, parsed.error().message);
    to = std::move(*parsed);
  }
  void ReadOptionalPath(const std::string& setting, const std::string& text,
                        std::optional<data::JsonPath>& to) {
    if (!text.empty()) ReadPath(setting, text, to.emplace());
  }
  // A path within a record: a member of an object at its begin, one value at its end.
  void ReadRecordPath(const std::string& setting, const std::string& text,
                      std::optional<data::JsonPath>& to) {
    ReadOptionalPath(setting, text, to);
    if (!to || !mistakes_.empty()) return;
    Require(!to->steps().empty() && to->steps()[0].index < 0 && !to->all_elements(), setting,
            "is a path to one value of a record, such as $.id");
  }
  void ReadRange(const std::string& text) {
    auto range = AddressRange::Parse(text);
    if (!range) return Note("allow_private", range.error().message);
    source_.policy.allow.push_back(*range);
  }

  void CheckAuth(const AuthSpec& auth) {
    if (auth.kind == AuthKind::kNone) return;
    Require(!auth.secret.empty(), "auth.secret", "is needed for this kind of auth");
    if (auth.kind == AuthKind::kApiKey) {
      Require(auth.header.empty() != auth.parameter.empty(), "auth.header",
              "api_key goes either into a header or into a parameter");
      Require(auth.header.empty() || io::IsValidHeader({auth.header, ""}), "auth.header",
              "is not the name of a header");
    }
    if (auth.kind == AuthKind::kBasic)
      Require(!auth.user.empty() && auth.user.find(':') == std::string::npos, "auth.user",
              "is needed for basic, and has no ':'");
    if (auth.kind != AuthKind::kOauth2) return;
    Require(!auth.user.empty(), "auth.user", "is needed for oauth2: the client id");
    const auto url = io::ParseHttpUrl(auth.token_url);
    if (!url) return Note("auth.token_url", url.error().message);
    Require(url->scheme == "https" || !source_.policy.allow.empty(), "auth.token_url",
            "must be https: it carries the client secret");
  }

  void CheckPaginate(const PaginateSpec& paginate) {
    ReadOptionalPath("paginate.path", paginate.path, source_.next);
    ReadOptionalPath("paginate.more_path", paginate.more_path, source_.more);
    const PageKind kind = paginate.kind;
    const bool counted = kind == PageKind::kPage || kind == PageKind::kOffset;
    if (counted || kind == PageKind::kCursor)
      Require(!paginate.parameter.empty(), "paginate.parameter", "is needed for this kind");
    Require(!counted || paginate.step > 0, "paginate.step", "is at least 1");
    Require(paginate.pages >= 0, "paginate.pages", "is not negative");
    const CursorSpec& cursor = source_.spec.cursor;
    Require(paginate.pages == 0 || cursor.path.empty() || cursor.ordered, "paginate.pages",
            "needs cursor.ordered: moving the cursor would skip the pages that are not wanted");
    if (kind == PageKind::kNextUrl)
      Require(!paginate.path.empty(), "paginate.path", "is needed for next_url");
    if (kind == PageKind::kCursor)
      Require(paginate.path.empty() != paginate.header.empty(), "paginate.path",
              "a cursor comes either from a path of the body or from a header");
  }

  void CheckCommits(const HttpSourceSpec& spec) {
    const bool parts = spec.commit_every_pages > 0 || spec.commit_every_bytes > 0;
    Require(!parts || (!spec.cursor.path.empty() && spec.cursor.ordered), "commit_every",
            "needs cursor.path and cursor.ordered: a repeated try goes on from the cursor");
    bool used = source_.url.uses_cursor() || source_.body.uses_cursor();
    for (const auto& [name, value] : source_.query) used = used || value.uses_cursor();
    for (const auto& [name, value] : source_.headers) used = used || value.uses_cursor();
    Require(spec.cursor.path.empty() || used, "cursor.path",
            "is kept but never sent: use {{ cursor }} in the url, the query, a header or the body");
    Require(!spec.cursor.path.empty() || !used, "cursor.path",
            "is needed where {{ cursor }} is used");
  }

  void CheckLimits(const HttpSourceSpec& spec) {
    Require(spec.limits.pages > 0, "limits.pages", "is at least 1");
    Require(spec.limits.records > 0, "limits.records", "is at least 1");
    Require(spec.limits.bytes > 0, "limits.bytes", "is at least 1");
    Require(spec.limits.page_bytes > 0, "limits.page_bytes", "is at least 1");
    Require(spec.retry.attempts >= 1 && spec.retry.attempts <= 100, "retry.attempts",
            "is 1 to 100");
    Require(spec.rate_limit.requests_per_second >= 0, "rate_limit.requests_per_second",
            "is not negative");
  }

  HttpSource source_;
  std::vector<SpecMistake> mistakes_;
};

}  // namespace

std::vector<SpecMistake> CheckSource(const HttpSourceSpec& spec) {
  Compiler compiler(spec);
  (void)compiler.Run();
  return compiler.TakeMistakes();
}

Result<HttpSource> CompileSource(HttpSourceSpec spec) {
  Compiler compiler(std::move(spec));
  HttpSource source = compiler.Run();
  const auto mistakes = compiler.TakeMistakes();
  if (mistakes.empty()) return source;
  return Fail(ErrorCode::kInvalidArgument, "{}: {}", mistakes[0].setting, mistakes[0].message);
}

std::set<std::string> HttpSource::NeededParams() const {
  std::set<std::string> names;
  url.AddNeededParams(names);
  body.AddNeededParams(names);
  for (const auto& [name, value] : headers) value.AddNeededParams(names);
  for (const auto& [name, value] : query) value.AddNeededParams(names);
  return names;
}

Result<Secret> ReadSecret(std::string_view place) {
  std::string value;
  if (place.starts_with("env:")) {
    const std::string name(place.substr(4));
    const char* found = std::getenv(name.c_str());
    if (found == nullptr)
      return Fail(ErrorCode::kNotFound, "secret {}: there is no such variable", place);
    value = found;
  } else if (place.starts_with("file:")) {
    auto read =
        io::ReadWholeFile(io::PosixFileSystem(), std::string(place.substr(5)), kSecretBytesMax);
    if (!read) return std::unexpected(std::move(read).error().WithContext("secret"));
    value = std::move(*read);
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
  } else {
    return Fail(ErrorCode::kInvalidArgument, "a secret is given as env:NAME or file:PATH");
  }
  if (value.empty()) return Fail(ErrorCode::kInvalidArgument, "secret {}: it is empty", place);
  return Secret(std::move(value));
}

}  // namespace millrace::extract
