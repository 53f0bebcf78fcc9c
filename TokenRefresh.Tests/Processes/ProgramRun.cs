using System.Diagnostics;

namespace TokenRefresh.Tests.Processes;

/// <summary>The lines of one stream of a call, as they come.</summary>
internal sealed class Lines
{
    private readonly List<string> lines = [];

    /// <summary>All of them so far.</summary>
    public string Text
    {
        get
        {
            lock (lines)
            {
                return string.Join('\n', lines);
            }
        }
    }

    public void Add(string line)
    {
        lock (lines)
        {
            lines.Add(line);
        }
    }

    /// <summary>The first line that holds the words.</summary>
    public string? Find(string words)
    {
        lock (lines)
        {
            return lines.Find(line => line.Contains(words, StringComparison.Ordinal));
        }
    }

    /// <summary>Takes back the last line where it is empty.</summary>
    public void DropEmptyEnd()
    {
        lock (lines)
        {
            if (lines is [.., ""])
            {
                lines.RemoveAt(lines.Count - 1);
            }
        }
    }
}

/// <summary>One call of the program, in a process of its own or in one that is kept warm.</summary>
internal abstract class ProgramRun : IAsyncDisposable
{
    /// <summary>What it prints on stdout.</summary>
    public Lines Out { get; } = new();

    /// <summary>What it prints on stderr.</summary>
    public Lines Error { get; } = new();

    /// <summary>The process that it runs in.</summary>
    public abstract int ProcessId { get; }

    /// <summary>Its exit code, once it has ended and all that it printed is here.</summary>
    public abstract Task<int> Ended { get; }

    /// <summary>Ends it, if it has not ended.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A call in a process of its own.</summary>
internal sealed class OwnProcess : ProgramRun
{
    private readonly Process process;

    private OwnProcess(Process process)
    {
        this.process = process;
        Ended = EndAsync();
    }

    public override int ProcessId => process.Id;

    public override Task<int> Ended { get; }

    /// <summary>Starts it; nothing is waited for.</summary>
    public static OwnProcess Start(ProcessStartInfo start) => new(Process.Start(start)!);

    /// <summary>Writes to its stdin, which then ends.</summary>
    public async Task TypeAsync(byte[] input)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading.
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }

    private async Task<int> EndAsync()
    {
        await Task.WhenAll(ReadAsync(process.StandardOutput, Out), ReadAsync(process.StandardError, Error), process.WaitForExitAsync());
        return process.ExitCode;
    }

    private static async Task ReadAsync(StreamReader reader, Lines lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(line);
        }
    }
}
