#include "api/control.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "io/clock.h"

namespace millrace::api {
namespace {

pipeline::OperationRequest Example() {
  pipeline::OperationRequest request;
  request.name = "query";
  request.arguments = {"SELECT 'ü' FROM t", "", std::string("\0\n", 2)};
  request.flags = {{"format", "json"}, {"explain", "true"}, {"empty", ""}};
  request.input = std::string(70000, 'x');
  return request;
}

class Collected final : public pipeline::Output {
 public:
  Status Write(std::string_view text) override {
    written += text;
    return {};
  }
  Status Note(std::string_view text) override {
    notes += text;
    return {};
  }
  std::string written;
  std::string notes;
};

std::string Field(std::string_view text) {
  std::string field;
  AppendBig(field, static_cast<uint32_t>(text.size()));
  return field + std::string(text);
}

std::string Frame(char kind, std::string_view body) { return std::string(1, kind) + Field(body); }

// A server that answers every request with these bytes, in parts of `part` bytes.
class FixedAnswer {
 public:
  explicit FixedAnswer(std::string bytes, size_t part = 1 << 20, int status = 200)
      : socket_(testing::TempDir() + "/millrace-control-test.sock") {
    server_ = io::HttpServer::Create({}, [=, this](const io::HttpRequest& request) {
      asked_ = request;
      io::HttpResponse response{.status = status, .content_type = "application/octet-stream"};
      response.stream = [=](io::ResponseStream& stream) {
        for (size_t at = 0; at < bytes.size(); at += part) {
          if (!stream.Write(std::string_view(bytes).substr(at, part))) return;
        }
      };
      return response;
    });
    if (io::PosixFileSystem().Exists(socket_)) {
      EXPECT_TRUE(io::PosixFileSystem().RemoveFile(socket_));
    }
    EXPECT_TRUE(server_->ListenUnix(socket_));
  }

  Status Ask(pipeline::Output& output) {
    const auto client = io::MakeHttpClient();
    return AskRunning(*client, socket_, Example(), output, nullptr, answerer);
  }
  Answerer answerer = Answerer::kNobody;
  const io::HttpRequest& asked() const { return asked_; }

 private:
  std::string socket_;
  io::HttpRequest asked_;
  std::unique_ptr<io::HttpServer> server_;
};

const std::string kDone = Frame('x', "\x01");

TEST(OperationRequest, ComesBackAsItWasSent) {
  const pipeline::OperationRequest before = Example();
  const auto after = DecodeRequest(EncodeRequest(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->name, before.name);
  EXPECT_EQ(after->arguments, before.arguments);
  EXPECT_EQ(after->flags, before.flags);
  EXPECT_EQ(after->input, before.input);
}

TEST(OperationRequest, EveryCutIsRefused) {
  pipeline::OperationRequest request = Example();
  request.input = "short";
  const std::string bytes = EncodeRequest(request);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(DecodeRequest(bytes.substr(0, size))) << size;
}

TEST(OperationRequest, CountsAreBounded) {
  for (const char* count : {"-1", "10001", "99999999999999999999", "x", "", "1 "}) {
    EXPECT_FALSE(DecodeRequest(Field("query") + Field(count) + Field("0") + Field(""))) << count;
  }
  io::SeededRandom random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string noise(random.Next() % 64, '\0');
    for (char& c : noise) c = static_cast<char>(random.Next());
    if (const auto decoded = DecodeRequest(noise)) {
      EXPECT_LE(decoded->arguments.size(), noise.size());
    }
  }
}

TEST(AskRunning, GivesFramesToTheOutputHoweverTheyAreCut) {
  const std::string answer =
      Frame('o', "one\n") + Frame('e', "note") + Frame('o', "") + Frame('o', "two\n") + kDone;
  for (const size_t part : {size_t{1}, size_t{3}, size_t{7}, answer.size()}) {
    FixedAnswer server(answer, part);
    Collected output;
    const Status done = server.Ask(output);
    EXPECT_TRUE(done) << part << " " << done.error().message;
    EXPECT_EQ(output.written, "one\ntwo\n");
    EXPECT_EQ(output.notes, "note");
  }
}

TEST(AskRunning, PostsTheRequest) {
  FixedAnswer server(kDone);
  Collected output;
  ASSERT_TRUE(server.Ask(output));
  EXPECT_EQ(server.asked().method, "POST");
  EXPECT_EQ(server.asked().path, kOperationsPath);
  EXPECT_TRUE(server.asked().from_unix_socket);
  EXPECT_EQ(server.asked().body, EncodeRequest(Example()));
}

TEST(AskRunning, BringsBackTheErrorWithItsHint) {
  FixedAnswer server(Frame('x', std::string(1, '\0') + Field("not_found") + Field("no topic t") +
                                    Field("millrace topics lists them")));
  Collected output;
  const Status done = server.Ask(output);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(done.error().message, "no topic t");
  EXPECT_EQ(done.error().hint, "millrace topics lists them");
}

TEST(AskRunning, AnAnswerWithoutItsEndIsNoSuccess) {
  const std::string answer = Frame('o', "rows") + kDone;
  for (size_t size = 0; size < answer.size(); ++size) {
    FixedAnswer server(answer.substr(0, size));
    Collected output;
    const Status done = server.Ask(output);
    ASSERT_FALSE(done) << size;
    EXPECT_EQ(done.error().code, ErrorCode::kUnavailable) << size;
    EXPECT_EQ(server.answerer, Answerer::kPipeline) << size;
  }
}

TEST(IsListening, TellsAProcessFromTheSocketOfADeadOne) {
  const std::string socket = testing::TempDir() + "/listening.sock";
  std::filesystem::remove(socket);
  EXPECT_FALSE(IsListening(socket));
  EXPECT_FALSE(IsListening(std::string(200, 'x')));  // longer than a socket's name may be
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  EXPECT_TRUE(IsListening(socket));
  ::close(fd);
  EXPECT_TRUE(std::filesystem::exists(socket));
  EXPECT_FALSE(IsListening(socket));
}

TEST(AskRunning, StartingAndStoppingIsNotAFreeFolder) {
  FixedAnswer server("the pipeline is starting or stopping\n", 100, 503);
  Collected output;
  const Status done = server.Ask(output);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server.answerer, Answerer::kNotReady);
}

TEST(AskRunning, NobodyListensIsUnavailable) {
  const auto client = io::MakeHttpClient();
  Collected output;
  Answerer answerer = Answerer::kPipeline;
  const Status done = AskRunning(*client, testing::TempDir() + "/nobody.sock", Example(), output,
                                 nullptr, answerer);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answerer, Answerer::kNobody);
}

}  // namespace
}  // namespace millrace::api
