using System.Net.Sockets;
using Hangfire;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class PostgresErrorsTests
{
    public static TheoryData<string, string> States => new()
    {
        { "28P01", "Check the user and the password in ConnectionStrings__TokenRefresh." },
        { "28000", "pg_hba.conf" },
        { "3D000", "CREATE DATABASE" },
        { "42501", "The role needs USAGE" },
        { "53300", "Maximum Pool Size" },
        { "53100", "Free space on the database's disk." },
        { "53200", "out of resources" },
        { "25006", "read-only" },
        { "57014", "statement_timeout" },
        { "55P03", "lock_timeout" },
        { "42P05", "set pool_mode = session" },
        { "26000", "set pool_mode = session" },
        { "08P01", "PgBouncer" },
        { "57P01", "try again in a moment" },
        { "57P02", "try again in a moment" },
        { "57P03", "try again in a moment" },
        { "42P01", "'db migrate' applies them" },
        { "42703", "'db migrate' applies them" },
        { "42883", "'db migrate' applies them" },
        { "3F000", "'db migrate' applies them" },
        { "40001", "try again" },
        { "40P01", "try again" },
        { "22021", "check the input" },
        { "22P05", "check the input" },
        { "XX001", "See the database's log" },
        { "0A000", "See the database's log" },
        { "58030", "See the database's log" },
    };

    [Theory]
    [MemberData(nameof(States))]
    public void Every_state_is_one_line_with_its_number_and_what_to_do(string state, string advice)
    {
        var line = PostgresErrors.Line(new PostgresException("first\nsecond.", "ERROR", "ERROR", state));

        line.ShouldSatisfyAllConditions(told => told.ShouldContain($"(SQLSTATE {state}). "), told => told.ShouldContain(advice), told => told.ShouldNotContain('\n'), told => told.ShouldEndWith("."));
    }

    [Fact]
    public void A_value_that_Postgres_repeats_is_not_repeated() =>
        PostgresErrors.Line(new PostgresException("invalid input syntax for type json: \"planted\"", "ERROR", "ERROR", "22P02")).ShouldNotContain("planted");

    [Fact]
    public void The_database_s_words_are_found_however_deep_they_are()
    {
        var said = new PostgresException("disk full", "ERROR", "ERROR", "53100");
        Exception[] wrapped =
        [
            said, new DbUpdateException("outer", said), new BackgroundJobClientException("outer", said), new AggregateException(new TimeoutException(), new InvalidOperationException("outer", said)),
            new NpgsqlException("outer", said),
        ];

        wrapped.ShouldAllBe(error => PostgresErrors.IsOfDatabase(error) && PostgresErrors.Line(error).StartsWith("disk full (SQLSTATE 53100)"));
    }

    [Fact]
    public void A_mistake_of_ours_is_not_the_database_s() =>
        new Exception[] { new InvalidOperationException(), new TimeoutException(), new IOException() }.ShouldAllBe(error => !PostgresErrors.IsOfDatabase(error));

    [Fact]
    public void Only_what_may_be_better_in_a_moment_is_waited_for()
    {
        PostgresException Of(string state, string words = "") => new(words, "FATAL", "FATAL", state);
        Exception[] passing = [Of("57P03"), Of("53300"), Of("08006"), Of("08P01", "server login has been failing, try again later"), new NpgsqlException("", new IOException()), new SocketException()];
        Exception[] lasting = [Of("28P01"), Of("28000"), Of("3D000"), Of("42501"), Of("57014"), Of("08P01", "unsupported startup parameter: options"), new NpgsqlException("SSL connection requested."), new InvalidOperationException()];

        passing.ShouldAllBe(error => PostgresErrors.IsWorthWaiting(error));
        lasting.ShouldAllBe(error => !PostgresErrors.IsWorthWaiting(error));
    }
}
