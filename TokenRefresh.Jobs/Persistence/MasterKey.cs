using System.Security.Cryptography;
using System.Text;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>The 32 bytes that encrypt the key ring. Never printed, never stored in the database.</summary>
public sealed class MasterKey
{
    /// <summary>Length of the key in bytes.</summary>
    public const int Length = 32;

    private const int NonceLength = 12;
    private const int TagLength = 16;

    private readonly byte[] key;

    /// <param name="key">Exactly <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">The length is another.</exception>
    public MasterKey(byte[] key) =>
        this.key = key.Length == Length ? key : throw new ArgumentException($"A master key must have {Length} bytes.", nameof(key));

    /// <summary>Recognises the key without telling it.</summary>
    public string Fingerprint => Digest("tokenrefresh master key"u8.ToArray());

    /// <summary>A digest that only a holder of the key can make, for values that must be compared but not guessed.</summary>
    public string Digest(byte[] value) => Convert.ToHexStringLower(HMACSHA256.HashData(key, value));

    /// <summary>As <see cref="Digest(byte[])"/>, with a key of its own for each purpose, so that no digest of one stands for one of another.</summary>
    internal string Digest(string purpose, string value) => Convert.ToHexStringLower(HMACSHA256.HashData(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(purpose)), Encoding.UTF8.GetBytes(value)));

    internal string Seal(string text)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var box = new byte[NonceLength + TagLength + plain.Length];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceLength));
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(box.AsSpan(0, NonceLength), plain, box.AsSpan(NonceLength + TagLength), box.AsSpan(NonceLength, TagLength));
        return Convert.ToBase64String(box);
    }

    /// <exception cref="CryptographicException">The text was not sealed with this key.</exception>
    internal string Open(string sealedText)
    {
        var box = Convert.FromBase64String(sealedText);
        var plain = new byte[box.Length - NonceLength - TagLength];
        using var aes = new AesGcm(key, TagLength);
        aes.Decrypt(box.AsSpan(0, NonceLength), box.AsSpan(NonceLength + TagLength), box.AsSpan(NonceLength, TagLength), plain);
        return Encoding.UTF8.GetString(plain);
    }
}
