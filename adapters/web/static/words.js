// The widget's own words, in the languages botkit speaks.

const WORDS = {
  en: {
    open: "Open chat", close: "Close chat", message: "Message", placeholder: "Write a message…", send: "Send", stop: "Stop",
    attach: "Attach a file", remove_file: "Remove {name}", delete: "Delete message", deleted: "Message deleted",
    conversation: "Conversation", you: "You", typing: "writing…", unread: "{count} new", sending: "Sending…",
    offline: "You are offline. Messages are sent when you are back.", reconnecting: "Reconnecting…",
    login: "Please log in to write.", failed: "Not sent: {why}", too_large: "The file is too large.",
    uploading: "Uploading {name}…", upload_failed: "{name} could not be uploaded.", good: "Helpful", bad: "Not helpful",
    privacy: "Privacy", earlier: "Earlier messages are not shown.",
    choose: "Choose", pick_one: "Please choose…", pick: "Choose {least} to {most}.",
  },
  de: {
    open: "Chat öffnen", close: "Chat schließen", message: "Nachricht", placeholder: "Nachricht schreiben…", send: "Senden",
    stop: "Anhalten", attach: "Datei anhängen", remove_file: "{name} entfernen", delete: "Nachricht löschen",
    deleted: "Nachricht gelöscht", conversation: "Unterhaltung", you: "Sie", typing: "schreibt…", unread: "{count} neu",
    sending: "Wird gesendet…", offline: "Sie sind offline. Nachrichten werden gesendet, sobald Sie wieder verbunden sind.",
    reconnecting: "Verbindung wird wiederhergestellt…", login: "Bitte melden Sie sich an, um zu schreiben.",
    failed: "Nicht gesendet: {why}", too_large: "Die Datei ist zu groß.", uploading: "{name} wird hochgeladen…",
    upload_failed: "{name} konnte nicht hochgeladen werden.", good: "Hilfreich", bad: "Nicht hilfreich",
    privacy: "Datenschutz", earlier: "Frühere Nachrichten werden nicht gezeigt.",
    choose: "Auswählen", pick_one: "Bitte wählen…", pick: "Wählen Sie {least} bis {most} aus.",
  },
  es: {
    open: "Abrir el chat", close: "Cerrar el chat", message: "Mensaje", placeholder: "Escribe un mensaje…", send: "Enviar",
    stop: "Detener", attach: "Adjuntar un archivo", remove_file: "Quitar {name}", delete: "Borrar el mensaje",
    deleted: "Mensaje borrado", conversation: "Conversación", you: "Tú", typing: "escribiendo…", unread: "{count} nuevos",
    sending: "Enviando…", offline: "No hay conexión. Los mensajes se enviarán cuando vuelva.",
    reconnecting: "Reconectando…", login: "Inicia sesión para escribir.", failed: "No enviado: {why}",
    too_large: "El archivo es demasiado grande.", uploading: "Subiendo {name}…", upload_failed: "No se pudo subir {name}.",
    good: "Útil", bad: "No es útil", privacy: "Privacidad", earlier: "No se muestran los mensajes anteriores.",
    choose: "Elegir", pick_one: "Elige…", pick: "Elige de {least} a {most}.",
  },
  fr: {
    open: "Ouvrir la discussion", close: "Fermer la discussion", message: "Message", placeholder: "Écrivez un message…",
    send: "Envoyer", stop: "Arrêter", attach: "Joindre un fichier", remove_file: "Retirer {name}",
    delete: "Supprimer le message", deleted: "Message supprimé", conversation: "Conversation", you: "Vous",
    typing: "écrit…", unread: "{count} nouveaux", sending: "Envoi…",
    offline: "Vous êtes hors ligne. Les messages partiront à votre retour.", reconnecting: "Reconnexion…",
    login: "Connectez-vous pour écrire.", failed: "Non envoyé : {why}", too_large: "Le fichier est trop volumineux.",
    uploading: "Envoi de {name}…", upload_failed: "{name} n’a pas pu être envoyé.", good: "Utile", bad: "Pas utile",
    privacy: "Confidentialité", earlier: "Les messages précédents ne sont pas affichés.",
    choose: "Choisir", pick_one: "Choisissez…", pick: "Choisissez de {least} à {most}.",
  },
  pt: {
    open: "Abrir conversa", close: "Fechar conversa", message: "Mensagem", placeholder: "Escreva uma mensagem…",
    send: "Enviar", stop: "Parar", attach: "Anexar um arquivo", remove_file: "Remover {name}",
    delete: "Apagar mensagem", deleted: "Mensagem apagada", conversation: "Conversa", you: "Você",
    typing: "escrevendo…", unread: "{count} novas", sending: "Enviando…",
    offline: "Sem conexão. As mensagens serão enviadas quando ela voltar.", reconnecting: "Reconectando…",
    login: "Entre na sua conta para escrever.", failed: "Não enviada: {why}", too_large: "O arquivo é grande demais.",
    uploading: "Enviando {name}…", upload_failed: "Não foi possível enviar {name}.", good: "Útil", bad: "Não foi útil",
    privacy: "Privacidade", earlier: "As mensagens anteriores não são mostradas.",
    choose: "Escolher", pick_one: "Escolha…", pick: "Escolha de {least} a {most}.",
  },
};

// A function from a key to its words: say("failed", {why: "…"}). `say.language` is what is spoken.
export function wordsFor(tag) {
  const language = String(tag).toLowerCase().split(/[-_]/)[0];
  const spoken = Object.hasOwn(WORDS, language) ? language : "en";
  const say = (key, values = {}) =>
    WORDS[spoken][key].replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole));
  say.language = spoken;
  return say;
}
