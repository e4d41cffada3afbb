// The users API: pages that can be made again, misbehaviour as asked, a ledger that says what was
// served.
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "data/json_select.h"
#include "nationality.h"
#include "service.h"

namespace millrace::users {
namespace {

using data::JsonPath;

struct Read {
  std::string raw;
  std::optional<std::string> uuid, email, born;
};

std::vector<Read> ReadRecords(std::string body) {
  data::JsonPage page;
  EXPECT_TRUE(page.Load(body)) << body.substr(0, 200);
  const JsonPath paths[] = {*JsonPath::Parse("$.login.uuid"), *JsonPath::Parse("$.email"),
                            *JsonPath::Parse("$.dob.date")};
  std::vector<Read> records;
  const auto text = [](const auto& value) {
    return value ? std::optional(value->text) : std::nullopt;
  };
  EXPECT_TRUE(page.VisitRecords(
      *JsonPath::Parse("$.results[*]"), paths, [&](const data::JsonRecord& record) {
        records.push_back({std::string(record.raw), text(record.values[0]), text(record.values[1]),
                           text(record.values[2])});
        return Status();
      }));
  return records;
}

TEST(Page, IsAFunctionOfItsSpec) {
  const PageSpec spec{.seed = "s", .page = 3, .results = 200};
  const Page page = *MakePage(spec);
  EXPECT_EQ(MakePage(spec)->body, page.body);
  EXPECT_NE(MakePage({.seed = "t", .page = 3, .results = 200})->body, page.body);
  EXPECT_NE(MakePage({.seed = "s", .page = 4, .results = 200})->body, page.body);
}

TEST(Page, FactsAgreeWithTheRecords) {
  const Page page =
      *MakePage({.seed = "facts", .page = 1, .results = 2000, .malformed = 0.1, .duplicate = 0.05});
  const auto records = ReadRecords(page.body);
  ASSERT_EQ(records.size(), 2000u);
  std::map<Defect, int> defects;
  std::set<std::string> distinct;
  for (size_t i = 0; i < records.size(); ++i) {
    const RecordFact& fact = page.records[i];
    ++defects[fact.defect];
    distinct.insert(records[i].raw);
    EXPECT_EQ(Hash64(records[i].raw), fact.hash);
    EXPECT_EQ(records[i].uuid,
              fact.defect == Defect::kNoUuid ? std::nullopt : std::optional(fact.uuid.ToString()));
    EXPECT_EQ(records[i].email.has_value(), fact.defect != Defect::kNoEmail);
    EXPECT_EQ(records[i].born->find("-02-31T") != std::string::npos,
              fact.defect == Defect::kBadDate);
  }
  EXPECT_GT(defects[Defect::kNoUuid], 30);
  EXPECT_GT(defects[Defect::kNoEmail], 30);
  EXPECT_GT(defects[Defect::kBadDate], 30);
  EXPECT_NEAR(static_cast<double>(distinct.size()), 1900, 60);
}

TEST(Page, NamesAreInTheirOwnScripts) {
  EXPECT_GE(Nationalities().size(), 12u);
  EXPECT_NE(
      MakePage({.seed = "a", .results = 5, .nationalities = "UA"})->body.find("\"nat\":\"UA\""),
      std::string::npos);
  EXPECT_EQ(MakePage({.seed = "a", .results = 5, .nationalities = "JP,XX"}).error().code,
            ErrorCode::kInvalidArgument);
  for (const Nationality& nationality : Nationalities())
    for (const auto* names : {&nationality.men, &nationality.women, &nationality.families})
      for (const Name& name : *names)
        for (const char c : name.latin)
          EXPECT_TRUE(static_cast<unsigned char>(c) < 0x80) << name.latin;
}

TEST(Faults, ParseAndDraw) {
  const auto faults = *ParseFaults("429=0.25:7,5xx=0.25:502,malformed=0.5,endless");
  EXPECT_EQ(faults[0].argument, 7);
  EXPECT_EQ(ChanceOf(faults, FaultKind::kMalformed), 0.5);
  EXPECT_EQ(ChanceOf(faults, FaultKind::kEndless), 1);
  int too_many = 0, errors = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const Fault* fault = DrawTransportFault(faults, 1, i);
    EXPECT_EQ(fault, DrawTransportFault(faults, 1, i));
    too_many += fault != nullptr && fault->kind == FaultKind::kTooMany;
    errors += fault != nullptr && fault->kind == FaultKind::kServerError;
  }
  EXPECT_NEAR(too_many, 2500, 250);
  EXPECT_NEAR(errors, 2500, 250);
  for (const char* wrong :
       {"x", "429=2", "429=-1", "429=0.5:", "cut=nan", "slow=1:99999999", "5xx=0.1:1:2"})
    EXPECT_FALSE(ParseFaults(wrong)) << wrong;
}

io::HttpRequest Ask(std::string query) {
  io::HttpRequest request;
  request.method = "GET";
  request.path = "/api/";
  request.query = std::move(query);
  request.headers = {{"X-Millrace-Run", "r\"1"}, {"X-Millrace-Page", "2"}};
  return request;
}

TEST(Service, LedgerSurvivesAndSaysWhatWasServed) {
  const std::string path = testing::TempDir() + "/users.ledger";
  std::remove(path.c_str());
  {
    auto ledger = *Ledger::Open(path, true);
    UsersService service({}, *ledger, io::SystemClock());
    EXPECT_EQ(service.Handle(Ask("results=3&seed=q&page=2")).body,
              MakePage({.seed = "q", .page = 2, .results = 3})->body);
    EXPECT_EQ(service.Handle(Ask("results=3&faults=429=1:9")).status, 429);
    EXPECT_EQ(service.Handle(Ask("results=0")).status, 400);
    EXPECT_EQ(service.Handle(Ask("results=1&pages=1&page=2&seed=q")).body.find("\"results\":[]"),
              1u);
  }
  std::ofstream(path, std::ios::app) << "{\"torn";
  auto ledger = *Ledger::Open(path, false);
  EXPECT_EQ(ledger->lines(), 3u);
  UsersService service({}, *ledger, io::SystemClock());
  ASSERT_EQ(service.Handle(Ask("seed=z")).status, 200);
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4u);
  const auto value = [&](size_t line, std::string_view name) {
    data::JsonPage page;
    EXPECT_TRUE(page.Load(lines[line]));
    const auto found = page.Find(*JsonPath::Parse(name));
    return found && *found ? (*found)->text : "<none>";
  };
  EXPECT_EQ(value(0, "$.run"), "r\"1");
  EXPECT_EQ(value(0, "$.page"), "2");
  EXPECT_EQ(value(0, "$.outcome"), "whole");
  EXPECT_EQ(value(0, "$.records[2][0]"),
            MakePage({.seed = "q", .page = 2, .results = 3})->records[2].uuid.ToString());
  EXPECT_EQ(value(1, "$.status"), "429");
  EXPECT_EQ(value(1, "$.records[0][0]"), "<none>");
  EXPECT_EQ(value(3, "$.n"), "3");
  EXPECT_EQ(value(3, "$.seed"), "z");
}

}  // namespace
}  // namespace millrace::users
