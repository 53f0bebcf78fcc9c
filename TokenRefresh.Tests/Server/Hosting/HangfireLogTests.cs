using Hangfire.Logging;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class HangfireLogTests
{
    [Fact]
    public void A_connection_that_broke_between_two_statements_is_no_trace_in_the_log()
    {
        var log = new Lines();

        new HangfireRegistration.WithoutOutages(log).Log(LogLevel.Warn, () => "Failed to acquire lock", NotOpen());

        log.Written.ShouldHaveSingleItem().ShouldBe((LogLevel.Debug, "Failed to acquire lock InvalidOperationException", null));
    }

    [Fact]
    public void A_mistake_of_ours_keeps_its_level_and_its_trace()
    {
        var (log, mistake) = (new Lines(), new InvalidOperationException("a mistake"));

        new HangfireRegistration.WithoutOutages(log).Log(LogLevel.Error, () => "failed", mistake);

        log.Written.ShouldHaveSingleItem().ShouldBe((LogLevel.Error, "failed", mistake));
    }

    private static InvalidOperationException NotOpen()
    {
        using var connection = new NpgsqlConnection("Host=unused");
        return Should.Throw<InvalidOperationException>(() => connection.BeginTransaction());
    }

    private sealed class Lines : ILog
    {
        public List<(LogLevel Level, string Text, Exception? Error)> Written { get; } = [];

        public bool Log(LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null)
        {
            Written.Add((logLevel, messageFunc?.Invoke() ?? "", exception));
            return true;
        }
    }
}
