using System.Security.Cryptography;
using System.Text;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Hosting;

/// <summary>The master key from the settings, or from a key file that only this user can read.</summary>
internal static class MasterKeyFile
{
    /// <summary>The key of the settings; else the file's, which is made when it does not exist.</summary>
    /// <exception cref="StartUpException">The file does not hold a key, or cannot be read or made.</exception>
    public static MasterKey Load(EncryptionOptions options, DataOptions data, FirstUse firstUse)
    {
        if (options.MasterKey.Length > 0)
        {
            return new(Convert.FromBase64String(options.MasterKey));
        }

        var file = Path.Combine(data.Directory, "master.key");
        if (firstUse != FirstUse.Makes && !File.Exists(file))
        {
            // Nothing is opened or sealed by one who only looks.
            return firstUse == FirstUse.Looks
                ? new(RandomNumberGenerator.GetBytes(MasterKey.Length))
                : throw new NoDatabaseException($"No key file {file} (Data__Directory; Encryption__MasterKey is not set)");
        }

        try
        {
            PrivateFiles.MakeFolder(data.Directory);
            return new(Convert.FromBase64String(File.Exists(file) ? File.ReadAllText(file) : Make(file)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or ArgumentException)
        {
            throw new StartUpException($"The key file {file} cannot be used ({error.GetType().Name}: {error.Message}). Restore it, set Data__Directory to a writable folder, or set Encryption__MasterKey.", error);
        }
    }

    // Written beside its place and moved there, so that of two processes that start together both end with the same key.
    private static string Make(string file)
    {
        var part = $"{file}.{Environment.ProcessId}";
        using (var stream = PrivateFiles.Create(part))
        {
            stream.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Length))));

            // On the disk before anything is sealed with it: a power failure must not leave sealed tokens without their key.
            stream.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(part, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(part);
        }

        return File.ReadAllText(file);
    }
}

/// <summary>The program cannot start; the message is one line for the person at the terminal.</summary>
internal sealed class StartUpException(string message, Exception? inner = null) : Exception(message, inner);
